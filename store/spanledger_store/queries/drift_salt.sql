-- What a salt contributes to the hash that chooses blocks.
SELECT cityHash64({salt:String})
