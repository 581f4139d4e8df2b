"""How many pictures may be at work at once."""

from pathlib import Path

import numpy as np

from imgae import Image, write_image
from imgae.restore.batches.engine import Job
from imgae.restore.batches.room import room_for

LIMIT = 1 << 30


def test_a_picture_that_tells_no_size_takes_all_room(tmp_path):
    cost, room = room_for("denoise", LIMIT)
    (tmp_path / "a.png").write_bytes(b"nothing that is known")
    assert cost(Job(0, tmp_path / "a.png", Path("out.png"))) >= room > 0


def test_pictures_cost_more_where_networks_take_them_whole(tmp_path):
    write_image(Image(np.zeros((100, 200, 3), np.uint8)), tmp_path / "a.png")
    job = Job(0, tmp_path / "a.png", Path("out.png"))
    costs = [room_for("denoise", LIMIT, tiled=tiled)[0](job) for tiled in (True, False)]
    assert costs[1] > costs[0] + 600 * 100 * 200
