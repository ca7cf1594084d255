package schemas

import (
	"slices"
	"strings"
)

// RequiredPointers lists the fields that every document must have, as JSON Pointers
// in alphabetical order. A field of an object that may itself be left out, or of a
// list's items, is not among them, nor is one that only a condition asks for.
func (s *Schema) RequiredPointers() []string {
	r := &required{fields: make(map[string]bool), budget: 10_000}
	for _, p := range s.parts {
		location, fragment, _ := strings.Cut(p.compiled.Location, "#")
		schema, _ := lookUp(p.document(location), tokens(fragment))
		r.read(p, location, schema, "")
	}
	// An object that one schema requires may be described by another, so what is
	// inside counts only once everything above it does.
	var pointers []string
	for pointer := range r.fields {
		if r.reaches(pointer) {
			pointers = append(pointers, pointer)
		}
	}
	slices.Sort(pointers)
	return pointers
}

// required collects the fields that schemas name as required, whether or not the
// objects that hold them are.
type required struct {
	fields map[string]bool
	budget int // schemas left to read: one that refers to itself could be read for ever
}

func (r *required) reaches(pointer string) bool {
	for ; pointer != ""; pointer = pointer[:strings.LastIndexByte(pointer, '/')] {
		if !r.fields[pointer] {
			return false
		}
	}
	return true
}

// read walks what applies without condition: the schema itself, what it refers to
// and what it combines. location is the url of the document that schema is in.
func (r *required) read(p part, location string, schema any, pointer string) {
	s, ok := schema.(map[string]any)
	if r.budget--; !ok || r.budget < 0 || strings.Count(pointer, "/") > maxDepth {
		return
	}
	if kind, typed := s["type"]; typed && kind != "object" {
		return // it need not be an object, so it need not have fields
	}
	names, _ := s["required"].([]any)
	for _, name := range names {
		if name, ok := name.(string); ok {
			r.fields[child(pointer, name)] = true
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		url, target := p.resolve(location, ref)
		r.read(p, url, target, pointer)
	}
	combined, _ := s["allOf"].([]any)
	for _, c := range combined {
		r.read(p, location, c, pointer)
	}
	properties, _ := s["properties"].(map[string]any)
	for name, field := range properties {
		r.read(p, location, field, child(pointer, name))
	}
}

// resolve returns the schema that ref names and the url of its document. Our files
// refer to one another by file name, and to their own definitions by fragment.
func (p part) resolve(location, ref string) (url string, schema any) {
	file, fragment, _ := strings.Cut(ref, "#")
	switch {
	case file == "":
		url = location
	case strings.Contains(file, ":"):
		url = file
	default:
		url = BaseURL + file
	}
	schema, _ = lookUp(p.document(url), tokens(fragment))
	return url, schema
}
