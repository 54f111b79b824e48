"""Recipes: read, changed, refused."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trialpanorama.errors import UserError
from trialpanorama.tasks import task
from trialpanorama.train import recipe

GRPO = """
method: grpo
meaning: a test
model: folder
data: {tasks: {sample_size: 1}}
rollouts: {per_prompt: 4}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(GRPO)
    return path


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_of_the_package_is_read_and_names_known_tasks(name: str) -> None:
    found = recipe.read(name)
    assert found.meaning.endswith(".")
    for each in found.data.tasks:
        task(each)


def test_a_recipe_survives_being_written(own: Path, tmp_path: Path) -> None:
    found = recipe.read(own)
    (tmp_path / "again.yaml").write_text(recipe.dump(found))
    assert recipe.read(tmp_path / "again.yaml") == found


def test_settings_go_where_they_say(own: Path) -> None:
    found = recipe.read(
        own,
        ["learning_rate=1e-4", "data.most_samples=7", "lora.rank=4", "rollouts.per_prompt=8", "data.before=2023-01-01"],
    )
    assert (found.learning_rate, found.data.most_samples) == (1e-4, 7)
    assert found.lora == recipe.Lora(rank=4)
    assert found.rollouts == recipe.Rollouts(per_prompt=8)
    assert found.data.before == datetime.date(2023, 1, 1)


def test_words_and_numbers_are_read_as_they_look(own: Path) -> None:
    own.write_text(GRPO.replace("{per_prompt: 4}", "{per_prompt: 4, vllm: off}") + "learning_rate: 1e-6\n")
    found = recipe.read(own, ["rollouts.vllm=off", "warmup=1e-2", "gradient_checkpointing=false"])
    assert found.rollouts == recipe.Rollouts(per_prompt=4, vllm="off")
    assert (found.learning_rate, found.warmup, found.gradient_checkpointing) == (1e-6, 0.01, False)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("learning_rat=1", "did you mean learning_rate"),
        ("data.taks={}", "data.taks; did you mean tasks"),
        ("rollouts.speed=1", "rollouts.speed; possible: per_prompt"),
        ("epochs=0", "epochs: Expected `float` > 0"),
        ("epochs=many", "epochs: Expected `float`"),
        ("batch=6", "no multiple of `rollouts.per_prompt`, 4"),
        ("data.tasks={}", "names no task"),
        ("method=sft", "sft samples nothing"),
        ("model.name=x", "model is no block"),
        ("epochs", "a setting is key=value"),
        ("epochs=[", "no YAML value"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(own: Path, setting: str, says: str) -> None:
    with pytest.raises(UserError) as raised:
        recipe.read(own, [setting])
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"- a", b"a: [", b"\xff\xfe", b"method: sft"])
def test_a_file_that_is_no_recipe_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.yaml"):
        recipe.read(path)


def test_names_that_do_not_exist() -> None:
    with pytest.raises(UserError, match="tiny"):
        recipe.read("tinny")
    with pytest.raises(UserError, match="cannot be read"):
        recipe.read("nowhere/tiny.yaml")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda x: st.lists(x, max_size=2) | st.dictionaries(st.text(max_size=8), x, max_size=2),
            max_leaves=4,
        ),
        max_size=4,
    )
)
def test_whatever_a_file_holds_it_is_a_recipe_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(GRPO) | content, allow_unicode=True), encoding="utf-8")
    with contextlib.suppress(UserError):
        recipe.read(path)
