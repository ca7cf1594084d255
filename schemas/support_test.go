package schemas_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
)

func decode(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc
}

func compileRaw(t testing.TB, schema string) *schemas.Schema {
	t.Helper()
	s, err := schemas.CompileRaw(json.RawMessage(schema))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compile(t testing.TB, name string, narrowing ...string) *schemas.Schema {
	t.Helper()
	var list []json.RawMessage
	for _, n := range narrowing {
		list = append(list, json.RawMessage(n))
	}
	s, err := schemas.Compile(name, list...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
