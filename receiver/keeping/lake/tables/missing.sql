-- The rows of one side whose ids are not on the other.
SELECT one.*
FROM one
ANTI JOIN other ON other.id = one.id
