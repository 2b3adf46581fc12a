-- A filter: what the work says is the document.
function Pandoc()
  return pandoc.Pandoc { pandoc.CodeBlock(require("spec.hosts.work").whole()) }
end
