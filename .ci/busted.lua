-- Runs the specs in this very interpreter; the busted command would start another one.
require "busted.runner" { standalone = false }
