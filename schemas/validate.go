package schemas

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// maxViolations bounds what one hostile document can make us say.
const maxViolations = 1000

// Validate judges doc, a decoded JSON value whose numbers are json.Number (see
// json.Decoder.UseNumber). It returns nil if doc satisfies the schema, else what is
// wrong, sorted by pointer: one violation for each cause, at most 1000.
func (s *Schema) Validate(doc any) []Violation {
	if v := unjudgeable(doc); v != nil {
		return []Violation{*v}
	}
	var found []Violation
	for _, p := range s.parts {
		found = append(found, p.validate(doc)...)
	}
	slices.SortFunc(found, func(a, b Violation) int {
		return cmp.Or(
			cmp.Compare(a.Pointer, b.Pointer),
			cmp.Compare(a.Keyword, b.Keyword),
			cmp.Compare(a.Message, b.Message),
			cmp.Compare(a.reason, b.reason),
		)
	})
	found = slices.Compact(found)
	return found[:min(len(found), maxViolations)]
}

// ValidateValue judges the JSON form of v. A value that has none is a violation of
// the whole document.
func (s *Schema) ValidateValue(v any) []Violation {
	text, err := json.Marshal(v)
	if err != nil { // the error may quote the value, so it is not repeated
		return []Violation{{Keyword: "document", Message: "must have a JSON form"}}
	}
	doc, err := decode(text)
	if err != nil {
		return []Violation{{Keyword: "document", Message: "must have a JSON form"}}
	}
	return s.Validate(doc)
}

func (p part) validate(doc any) []Violation {
	err := p.compiled.Validate(doc)
	if err == nil {
		return nil
	}
	if broken, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return explainer{p, doc}.explain(broken)
	}
	// Only a schema that refers to itself without end gets here; nothing that such a
	// schema says can be relied on, so nothing passes it.
	return []Violation{{Keyword: "document", Message: fmt.Sprintf("cannot be judged: %v", err)}}
}
