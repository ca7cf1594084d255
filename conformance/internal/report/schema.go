package report

import _ "embed"

//go:embed report.schema.json
var schemaText []byte

// JSONSchema is the schema of a report's canonical form, in JSON Schema 2020-12.
func JSONSchema() []byte { return append([]byte(nil), schemaText...) }
