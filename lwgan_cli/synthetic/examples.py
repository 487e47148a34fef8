"""Makes the sample inputs in examples/: photos of two people and a dance, with sound, by the second.

    python -m lwgan_cli.synthetic.examples -o examples

Nobody real is shown, so that everybody may use them. Takes about a minute.
"""

from __future__ import annotations

import argparse
import tempfile
import wave
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, joints_rest
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.synthetic.look import Bottom, Face, Hair, Look, Shoes, Top
from lwgan_cli.synthetic.motion import Performance, perform
from lwgan_cli.synthetic.person import make_person
from lwgan_cli.synthetic.poses import arm_rotations
from lwgan_cli.synthetic.scene import View, make_scene
from lwgan_cli.synthetic.truth import Film, make_film, shoot, standing_heights

PHOTO, OTHER, DANCE = "person.jpg", "other.jpg", "dance.mp4"
PHOTO_SIZE, DANCE_SIZE = (720, 960), (480, 640)
FPS, FRAMES = 25.0, 100
STUDIO, STREET = ("studio", 5), ("street", 8)  # where he has his photo taken, and where he dances
BEAT = 0.5  # s
CRF = 24
_ATLAS = 2048
_RATE = 44_100

WOMAN = Look(
    betas=(0.25, -0.15, 0.35, -0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    skin=(0.90, 0.74, 0.63),
    face=Face(iris=(0.33, 0.24, 0.12), brows=0.85, blush=0.45, lipstick=0.55, smile=1.0),
    hair=Hair("long", (0.27, 0.16, 0.09), 0.5),
    top=Top("long sleeve", (0.93, 0.92, 0.89), (0.16, 0.24, 0.42), "stripes", 0.96, 0.55, "crew", 0.008),
    bottom=Bottom("trousers", (0.24, 0.34, 0.50), length=0.96, ease=0.006, flare=-0.16, denim=True),
    shoes=Shoes((0.75, 0.22, 0.20), height=-0.005, thickness=0.022),
    seed=4,
)
MAN = Look(
    betas=(0.55, -0.25, -0.35, 0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    skin=(0.72, 0.52, 0.40),
    face=Face(iris=(0.20, 0.12, 0.07), brows=0.95, blush=0.15, lipstick=0.0, stubble=0.35, smile=0.8),
    hair=Hair("short", (0.10, 0.08, 0.07), -0.5),
    top=Top("t-shirt", (0.86, 0.62, 0.16), (0.12, 0.14, 0.20), "logo", 0.45, 0.72, "crew", 0.011),
    bottom=Bottom("trousers", (0.15, 0.17, 0.22), length=0.96, ease=0.008, flare=-0.12),
    shoes=Shoes((0.92, 0.92, 0.90), height=0.045, thickness=0.026),
    seed=21,
)


def photo_film(model: BodyModel, atlas: int = _ATLAS, look: Look = WOMAN, place: tuple[str, int] = ("room", 3)) -> Film:
    """One frame: somebody stands somewhere (kind and seed of the scene), arms a little away from the body."""
    person = make_person(model, look, atlas)
    ankle, stature = standing_heights(model, person)
    standing = perform("sway", 2, 1, FPS, _joints(model, look), ankle)
    poses = standing.poses.copy()
    poses[0, 0] = (0.0, 0.10, 0.0)
    for side, shoulder, elbow in ((1, 16, 18), (-1, 17, 19)):
        poses[0, shoulder], poses[0, elbow] = arm_rotations(side, -65, 4, -18, 22)
        poses[0, elbow + 2] = (0.0, 0.0, -0.12 * side)
    poses[0, 15] = (0.02, -0.06, 0.03)
    view = View.framing(PHOTO_SIZE, stature, 0.73, 4.0)  # room for raised arms
    scene = make_scene(*place, view, model.v_template.device)
    return make_film(model, person, Performance(poses, standing.place, standing.planted), scene, FPS)


def dance_film(model: BodyModel, atlas: int = _ATLAS) -> Film:
    """Eight beats: side steps with waving arms, a quarter turn and back, a squat."""
    person = make_person(model, MAN, atlas)
    ankle, stature = standing_heights(model, person)
    performance = perform("dance", 0, FRAMES, FPS, _joints(model, MAN), ankle)
    view = View.framing(DANCE_SIZE, stature, 0.70, 5.0)
    return make_film(model, person, performance, make_scene(*STREET, view, model.v_template.device), FPS)


def _joints(model: BodyModel, look: Look) -> np.ndarray:
    joints = joints_rest(model, model.v_template.new_tensor(look.betas))
    return joints.cpu().numpy().astype(np.float64)


def beat_track(seconds: float) -> np.ndarray:
    """A drum pattern with a bass line on `BEAT`: (N,) float64 in [-1, 1] at 44.1 kHz."""
    t = np.arange(round(seconds * _RATE)) / _RATE
    rng = np.random.default_rng(0)
    sound = np.zeros_like(t)
    noise = rng.normal(0, 1, len(t))
    for k in range(int(np.ceil(2 * seconds / BEAT))):  # in eighths
        since = t - k * BEAT / 2
        on = since >= 0
        since = np.where(on, since, 0)
        if k % 2 == 0:  # kick: a falling sine
            sound += on * 0.8 * np.exp(-since * 16) * np.sin(2 * np.pi * (48 * since + 6 * (1 - np.exp(-since * 30))))
        if k % 4 == 2:  # snare
            sound += on * 0.22 * np.exp(-since * 22) * noise
        sound += on * 0.07 * np.exp(-since * 70) * np.diff(noise, prepend=0)  # hat
        note = 55.0 * 2 ** ((0, 0, 3, 0, 5, 5, 3, -2)[k // 2 % 8] / 12)
        pluck = sum(np.sin(2 * np.pi * note * h * since) / h**1.5 for h in (1, 2, 3, 4))
        sound += on * 0.16 * np.exp(-since * 7) * pluck
    return 0.8 * sound / np.abs(sound).max()


def write_wav(path: Path, sound: np.ndarray) -> None:
    """Mono, 16 bit, 44.1 kHz, from (N,) in [-1, 1]."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def write_photo(film: Film, path: Path) -> None:
    """The film's first frame as a picture."""
    with VideoWriter(path, film.scene.view.size, film.motion.fps, overwrite=True) as writer:
        writer.write(shoot(film).pictures[0])


def write_video(film: Film, path: Path) -> None:
    """The film with the beat under it."""
    pictures = shoot(film).pictures
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "beat.wav"
        write_wav(sound, beat_track(len(film) / film.motion.fps))
        with VideoWriter(
            path,
            film.scene.view.size,
            film.motion.fps,
            audio=(sound, 0.0, None),
            crf=CRF,
            preset="slower",
            overwrite=True,
        ) as writer:
            for picture in pictures:
                writer.write(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the files")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    model = load_body("open")
    with torch.no_grad():
        write_photo(photo_film(model), folder / PHOTO)
        write_photo(photo_film(model, look=MAN, place=STUDIO), folder / OTHER)
        write_video(dance_film(model), folder / DANCE)


if __name__ == "__main__":
    main()
