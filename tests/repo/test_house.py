"""The picture of the house in CONTRIBUTING.md is what the imports are."""

import subprocess
import sys

import draw_house
import pytest

ROOMS = {"attic": {"hall", "cellar"}, "hall": {"cellar", "well"}, "shed": {"well"}, "cellar": {"well"}, "well": set()}


def test_the_picture_is_what_its_command_draws():
    command = [sys.executable, str(draw_house.PAGE.parent / "scripts" / "draw_house.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_picture_is_drawn_anew_between_its_marks_and_nothing_else_changes():
    page = draw_house.PAGE.read_text()
    assert draw_house.drawn_into(page) == page
    stale = page.replace("1 | core ", "1 | cor3 ").replace("## How to", "## How")
    assert draw_house.drawn_into(stale) == page.replace("## How to", "## How")
    with pytest.raises(SystemExit, match="no place for the picture"):
        draw_house.drawn_into("# Contributing\n")


def test_a_room_stands_one_storey_above_the_highest_that_it_stands_on():
    assert draw_house.storeys(ROOMS) == [["well"], ["cellar", "shed"], ["hall"], ["attic"]]
    assert draw_house.nearest(ROOMS, "attic") == ["hall"]
    assert draw_house.nearest(ROOMS, "hall") == ["cellar"]


def test_rooms_that_stand_on_each_other_have_no_storey():
    with pytest.raises(draw_house.RoomsStandOnEachOther, match=r"^attic, cellar, hall$"):
        draw_house.storeys(ROOMS | {"cellar": {"well", "attic"}})


def test_every_room_says_in_one_sentence_or_two_what_it_is():
    picture = draw_house.draw()
    lines = [line for line in picture.splitlines() if line[1:4] == " | " and line[4] != " "]
    assert len(lines) > 20
    assert all(len(line.split(maxsplit=3)[-1]) > 10 for line in lines)
