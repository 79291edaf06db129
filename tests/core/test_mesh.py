"""Texture space: symmetric, reached from a picture and back, honest about what is turned away."""

import cv2
import numpy as np
import pytest

from deid_desktop.core import mesh


def placed(size=300, yaw=0.0):
    """Return the canonical mesh in a picture of ``size`` pixels a side, turned to the right."""
    angle = np.radians(yaw)
    turn = np.array(
        [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
    )
    scale = 0.8 * size / np.ptp(mesh.XYZ[:, 1])
    vertices = scale * mesh.XYZ @ turn.T
    vertices[:, :2] += size / 2 - vertices[:, :2].mean(0)
    return vertices.astype(np.float32)


def test_mirroring_is_exact_and_its_own_inverse():
    np.testing.assert_array_equal(mesh.MIRROR[mesh.MIRROR], np.arange(mesh.VERTICES))
    np.testing.assert_allclose(mesh.XYZ[mesh.MIRROR] * [-1, 1, 1], mesh.XYZ, atol=0.05)
    np.testing.assert_allclose(mesh.UV[mesh.MIRROR] * [-1, 1] + [1, 0], mesh.UV, atol=0.01)


def test_named_parts_lie_where_their_names_say():
    x, y = mesh.XYZ[:, 0], mesh.XYZ[:, 1]
    for left, right in ((mesh.LEFT_EYE, mesh.RIGHT_EYE), (mesh.LEFT_BROW, mesh.RIGHT_BROW)):
        assert (x[left] < 0).all() and (x[right] > 0).all()
        assert set(mesh.MIRROR[left]) == set(right)
    assert y[mesh.LEFT_BROW].mean() < y[mesh.LEFT_EYE].mean() < y[4] < y[mesh.LIPS].mean()
    assert y[mesh.INNER_LIPS].min() > y[mesh.LIPS].min()


@pytest.mark.parametrize("size", [128, 256, 512])
def test_the_grid_knows_the_mesh_point_of_each_texel(size):
    grid = mesh.uv_grid(size)
    np.testing.assert_allclose(grid.weights.sum(1), 1, atol=1e-5)
    rows, columns = np.nonzero(grid.inside)
    at = grid.interpolate(mesh.UV)[grid.inside] * size - 0.5
    error = np.abs(at - np.c_[columns, rows])
    assert np.median(error) < 0.02
    assert np.percentile(error, 99.5) < 1.2  # a triangle's rim is drawn half a texel outwards
    assert grid.interpolate(mesh.UV[:, 0]).shape == (size, size)
    assert (grid.interpolate(mesh.XYZ)[~grid.inside] == 0).all()


def test_a_picture_survives_the_way_to_texture_space_and_back():
    size = 300
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    picture = np.stack([x / 2, y / 2, 60 + 40 * np.sin(x / 15) * np.cos(y / 15)], 2)
    vertices = placed(size)
    texture = mesh.unwrap(picture, vertices, 512)
    uv, covered = mesh.rasterise(vertices, (size, size))
    at = uv * 512 - 0.5
    back = cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    inner = cv2.erode(covered.astype(np.uint8), np.ones((15, 15))) > 0
    assert inner.mean() > 0.2
    assert np.abs(back - picture)[inner].mean() < 0.5
    assert np.percentile(np.abs(back - picture)[inner], 99) < 4
    assert (texture[~mesh.uv_grid(512).inside] == 0).all()


def test_unwrapping_a_large_picture_averages_instead_of_picking():
    noise = np.random.default_rng(0).normal(128, 40, (1500, 1500, 1)).astype(np.float32)
    texture = mesh.unwrap(noise, placed(1500), 128)
    values = texture[cv2.erode(mesh.uv_grid(128).inside.astype(np.uint8), np.ones((9, 9))) > 0]
    assert values.std() < 12
    assert abs(values.mean() - 128) < 4


def test_rasterise_covers_the_face_and_nothing_else():
    vertices = placed(200)
    uv, covered = mesh.rasterise(vertices, (200, 200))
    hull = np.zeros((200, 200), np.uint8)
    outline = cv2.convexHull(np.round(vertices[:, :2]).astype(np.int32))
    cv2.fillConvexPoly(hull, outline, 1)
    grown = cv2.dilate(hull, np.ones((5, 5)))
    assert not covered[grown == 0].any()
    assert covered[hull > 0].mean() > 0.97
    assert (uv[~covered] == 0).all()
    nose = np.round(vertices[4, :2]).astype(int)
    np.testing.assert_allclose(uv[nose[1], nose[0]], mesh.UV[4], atol=0.01)


def test_near_triangles_hide_far_ones():
    vertices = placed(300, yaw=60)  # looks to the right: the nose hides the far cheek
    uv, covered = mesh.rasterise(vertices, (300, 300))
    nose = np.round(vertices[4, :2]).astype(int)
    np.testing.assert_allclose(uv[nose[1], nose[0] - 1], mesh.UV[4], atol=0.05)
    shown = uv[covered][:, 0]
    assert (shown < 0.5).mean() > 0.6


def test_rasterising_beyond_the_border_is_safe():
    _, covered = mesh.rasterise(placed(100) + np.array([80, -60, 0]), (100, 100))
    assert 0 < covered.sum() < 6000
    _, covered = mesh.rasterise(placed(100) + np.array([5000, 0, 0]), (100, 100))
    assert not covered.any()


def test_normals_face_the_camera_and_have_unit_length():
    normals = mesh.normals(mesh.XYZ)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    assert normals[4, 2] < -0.5 and normals[50, 2] < -0.3


@pytest.mark.parametrize(("yaw", "better"), [(50, slice(0, 128)), (-50, slice(128, 256))])
def test_a_turned_face_shows_one_cheek_only(yaw, better):
    seen = mesh.visibility(placed(300, yaw=yaw), 256)
    worse = slice(128, 256) if better.start == 0 else slice(0, 128)
    assert seen[:, better].mean() > 2 * seen[:, worse].mean()
    assert seen.min() >= 0 and seen.max() < 1 + 1e-6


def test_a_frontal_face_is_seen_evenly():
    seen = mesh.visibility(placed(300), 256)
    assert np.abs(seen - seen[:, ::-1]).mean() < 0.01
    assert abs(seen[:, :128].mean() - seen[:, 128:].mean()) < 0.02
    x, y = (mesh.UV[4] * 256).astype(int)
    assert seen[y, x] > 0.95


def told_by_normals(vertices):
    """What `visibility` would be if nothing of the face hid anything else of it."""
    towards = np.clip((-mesh.normals(vertices)[:, 2] - 0.15) / 0.3, 0, 1)
    return mesh.uv_grid(256).interpolate(towards)


def test_the_nose_hides_what_lies_behind_it():
    vertices = placed(300, yaw=40)
    seen, facing = mesh.visibility(vertices, 256), told_by_normals(vertices)
    assert (seen <= facing + 1e-5).all()
    rows, columns = np.nonzero(facing - seen > 0.5)
    assert len(rows) > 50
    assert columns.mean() > 128  # beyond the nose, which points to the right
    assert abs(rows.mean() / 256 - mesh.UV[4, 1]) < 0.2


def test_a_frontal_face_hides_next_to_nothing_of_itself():
    facing = told_by_normals(mesh.XYZ)
    hidden = facing - mesh.visibility(placed(300), 256)
    assert hidden.sum() < 0.01 * facing.sum()
