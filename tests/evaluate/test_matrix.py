"""Files of models and of prices."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialpanorama import evaluate
from trialpanorama.errors import UserError
from trialpanorama.evaluate import Price, Usage

_YAML = """
models:
  - model: openai/small
    name: small, cold
    config: {temperature: 0, max_tokens: 500}
    cutoff: 2024-06
  - model: openai/small
    name: small, warm
    config: {temperature: 1}
    cutoff: 2024-06-01
  - model: vllm/some/model
    base_url: http://localhost:8000/v1
    args: {api_key: none}
    cutoff: 2023
    price: {input: 0.5, output: 1.5}
  - model: baseline/majority
"""
_TOML = """
[[models]]
model = "openai/small"
cutoff = 2024-06-01
[models.config]
temperature = 0.5
"""


def test_models_are_read_from_yaml_toml_and_json(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(_YAML, encoding="utf-8")
    found = evaluate.read_matrix(path)
    assert [one.label for one in found] == ["small, cold", "small, warm", "vllm/some/model", "baseline/majority"]
    assert [one.cutoff for one in found] == ["2024-06", "2024-06-01", "2023", None]
    assert found[0].config == {"temperature": 0, "max_tokens": 500}
    assert found[2].price == Price(0.5, 1.5)
    (tmp_path / "models.toml").write_text(_TOML, encoding="utf-8")
    (one,) = evaluate.read_matrix(tmp_path / "models.toml")
    assert (one.cutoff, one.config) == ("2024-06-01", {"temperature": 0.5})
    (tmp_path / "models.json").write_text('{"models": [{"model": "a/b"}]}', encoding="utf-8")
    assert evaluate.read_matrix(tmp_path / "models.json")[0].label == "a/b"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("models: [{model: a/b}, {model: a/b}]", "several entries that tables would call"),
        ("models: [{modle: a/b}]", "models"),
        ("models: []", "no model"),
        ("models: [{model: a/b, cutoff: soon}]", "no date"),
        ("models: [", "should hold"),
        ("[1, 2]", "should hold"),
    ],
)
def test_a_faulty_file_of_models_is_said_in_one_line(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "models.yml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=says) as caught:
        evaluate.read_matrix(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read"):
        evaluate.read_matrix(tmp_path / "none.yaml")


def test_prices_give_costs(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('["a/b"]\ninput = 2\noutput = 8\ncache_read = 0.5\n', encoding="utf-8")
    prices = evaluate.read_prices(path)
    own = evaluate.Contestant(model="c/d", price=Price(1, 1))
    first, second, third = evaluate.priced(
        [evaluate.Contestant(model="a/b"), own, evaluate.Contestant(model="e/f")], prices
    )
    assert first.price is not None
    assert (second.price, third.price) == (Price(1, 1), None)
    usage = Usage(input_tokens=1_000_000, output_tokens=500_000, cache_read_tokens=200_000, cache_write_tokens=100_000)
    assert first.price.cost(usage) == pytest.approx(2 + 4 + 0.1 + 0.2)
    assert (usage + Usage(cost=1.0)).cost == 1.0
    assert (usage + usage).cost is None, "no price, no cost"
