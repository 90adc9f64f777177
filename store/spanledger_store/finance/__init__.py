"""Spend as people ask for it: by customer and cost centre, as statements, against budgets, in the form of FOCUS."""
