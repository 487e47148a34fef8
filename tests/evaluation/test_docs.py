from __future__ import annotations

from dataclasses import replace

from lwgan_cli.evaluation.docs import ABLATION, PAPER, command, results_page
from lwgan_cli.evaluation.results import ClipScore, MethodScore
from tests.evaluation.test_results import results


def trained(**ssim: float) -> list[MethodScore]:
    return [MethodScore(name, {"ssim": value}, {"steps": 9}, 3) for name, value in ssim.items()]


def test_the_papers_table_is_in_the_papers_order() -> None:
    """SSIM rises and LPIPS falls from one ablation to the next."""
    ours = [row for row in PAPER if row[0].startswith("W_")]
    assert [row[0].split(",")[0].replace("W_LWB", "LWB") for row in ours] == list(ABLATION)
    assert [row[1] for row in ours] == sorted(row[1] for row in ours)
    assert [row[2] for row in ours] == sorted((row[2] for row in ours), reverse=True)


def test_a_page_says_what_was_run_and_what_was_not() -> None:
    run = results()
    run = replace(run, about={**run.about, "asked": {"max_frames": 3}, "metrics": ["fid"], "protocol": "cross"})
    assert command(run) == (
        "lwgan evaluate synthetic:0 --protocol cross --max-frames 3 --method none --method <x>=PATH --metric fid"
    )
    trained = replace(run, methods=[replace(run.methods[0], method="W_C")])  # whose file lies in no clone
    assert command(trained).endswith("--method W_C --weights DIR --metric fid")
    page = results_page([run])
    assert (
        "| none | 0.850 | **30.0** | 1.30 | -0.20 |" in page
        and "- <x>: default, 5 steps of 4, size 192, data iper" in page
    )
    assert "have not been trained here yet" in page and "| W_LWB, Liquid Warping Block | 0.840 | 0.087 |" in page


def test_additions_are_told_by_what_they_change() -> None:
    methods = [
        MethodScore("none", {"p_psnr": 20.0, "akd": 1.0}, {}, 3),
        MethodScore("none-offsets", {"p_psnr": 16.46, "akd": 1.5}, {}, 3),
        MethodScore("other-face", {"p_psnr": 1.0}, {}, 3),  # nothing to compare it with
    ]
    page = results_page([replace(results(), about={**results().about, "asked": {}, "metrics": []}, methods=methods)])
    assert "Against `none`: PSNR person -3.5, AKD +0.50\n" in page and "`other-face`:" not in page


def test_a_novel_view_is_told_side_by_side() -> None:
    """Means over people, of each method."""
    run = results()
    frames = [{"p_psnr": [10.0, 20.0], "iou": [0.5, 0.7]}, {"p_psnr": [12.0, 24.0], "iou": [0.7, 0.7]}]
    clips = [ClipScore("none", str(row), {}, values) for row, values in enumerate(frames)]
    about = {**run.about, "asked": {}, "metrics": [], "protocol": "novelview", "degrees": [30.0, 60.0]}
    page = results_page([replace(run, about=about, clips=clips, methods=[MethodScore("none", {"iou": 0.65}, {}, 4)])])
    assert "| seen from | SSIM person, none | PSNR person, none | IoU, none |" in page
    assert "| 30° | – | 11.0 | 0.600 |\n| 60° | – | 22.0 | 0.700 |\n" in page
    assert "seen from" not in results_page([replace(run, about={**run.about, "asked": {}, "metrics": []})])


def test_the_order_of_the_ablations_is_told() -> None:
    run = replace(results(), about={**results().about, "asked": {}, "metrics": []})
    same = replace(run, methods=trained(W_C=0.1, W_T=0.2, W_F=0.3, LWB=0.4))
    other = replace(run, methods=trained(W_C=0.1, W_T=0.2, W_F=0.5, LWB=0.4))
    assert "SSIM, from the worst: W_C < W_T < W_F < LWB (the paper's order)" in results_page([same])
    assert "SSIM, from the worst: W_C < W_T < LWB < W_F (not the paper's order)" in results_page([other])
    assert "have not been trained" not in results_page([same])
