print(require("spec.hosts.work").whole())
