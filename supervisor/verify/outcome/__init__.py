"""What differs: named, counted, shown.

`count_judge` and `row_judge` name it, `differences` counts it, `report` has the answer, `view` shows it.
"""
