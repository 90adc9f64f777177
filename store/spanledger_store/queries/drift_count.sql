-- How many calls a comparison is about, before any are left out.
SELECT count() FROM spans WHERE ${chosen}
