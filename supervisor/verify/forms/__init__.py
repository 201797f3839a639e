"""The one form of a value for both sides, so that equal means equal.

`values` has it, NaN included, for messages, and `table_values` for rows. `times` and `user_columns` belong to it;
`shown_values` shows it to people and programs.
"""
