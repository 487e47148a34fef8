"""Body recovery (paper, section 3.1): a photo or clip in, bodies that lie on the person to the pixel out."""
