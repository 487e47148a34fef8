"""From surface and flow to pictures: the texture warp, the Liquid Warping Block and the networks around it."""
