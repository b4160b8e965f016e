"""promptlathe: measure, improve and prove structured prompts on the language model you run yourself."""

__version__ = "0.1.0"
