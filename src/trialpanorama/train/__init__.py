"""Language models that learn from the tasks: supervised fine-tuning, then reinforcement with the tasks' own scores.

A run is a recipe (`recipes/NAME.yaml`, or a file of one's own) applied to the samples of a warehouse. Prompts, right
replies and rewards come from the task that owns them; the training itself is TRL's. Needs the `train` extra.
"""

from trialpanorama.train.recipe import Recipe

__all__ = ["Recipe"]
