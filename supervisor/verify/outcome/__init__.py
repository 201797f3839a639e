"""What was found: `differences` names and counts it, `report` has it as frozen values, `view` shows them."""
