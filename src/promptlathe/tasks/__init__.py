"""What is asked and how an answer is judged. Knows nothing of prompts, models or storage."""
