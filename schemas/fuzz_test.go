package schemas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
)

// FuzzValidate holds every document to an answer in known words, whatever it is.
func FuzzValidate(f *testing.F) {
	paths, err := filepath.Glob("v1/*valid/*.request.*.json")
	if err != nil || len(paths) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	s := compile(f, "authorize.request", narrowed)
	f.Fuzz(func(t *testing.T, text []byte) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var doc any
		if d.Decode(&doc) != nil {
			return
		}
		checkViolations(t, s.Validate(doc), doc)
	})
}

// FuzzCompileRaw holds every schema to being refused or to judging, without a panic.
func FuzzCompileRaw(f *testing.F) {
	for _, name := range schemas.Names() {
		text, err := schemas.Raw(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(narrowed))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := schemas.CompileRaw(text)
		if err != nil {
			return
		}
		s.RequiredPointers()
		s.Validate(benchmarkDocument(1))
	})
}
