-- The version, for the User-Agent and for users.
return "1.0.0"
