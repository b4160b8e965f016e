"""Programs that turn messages into answers, behind one Protocol."""
