-- The version, for the User-Agent and for users.
return "0.1.0"
