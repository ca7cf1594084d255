package schemas_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/google/go-cmp/cmp"
)

const canary = "canary-7f3a91"

// mutants are what a field may be replaced by. The number is as recognisable as the text.
var mutants = map[string]any{
	"text": canary, "line break": canary + "\n", "number": json.Number("9071357917"),
	"fraction": json.Number("-90713579.17"),
	"null":     nil, "list": []any{canary}, "object": map[string]any{"name": canary},
	"long text": strings.Repeat(canary, 1000),
}

// The fullest valid document of each schema, with every value in it replaced in turn:
// whatever is wrong is told about a field that exists or is missing, in a known
// vocabulary, and without the value.
func TestMutantsAreToldWithoutTheirValues(t *testing.T) {
	fullest := make(map[string][]byte)
	each(t, "valid", func(_ *testing.T, schema string, text []byte) {
		if len(text) > len(fullest[schema]) {
			fullest[schema] = text
		}
	})
	for schema, text := range fullest {
		s := compile(t, schema)
		for _, path := range paths(decode(t, text)) {
			for _, mutant := range mutants {
				doc := replace(t, text, path, mutant)
				checkViolations(t, s.Validate(doc), doc)
			}
		}
	}
}

func checkViolations(t *testing.T, found []schemas.Violation, doc any) {
	t.Helper()
	for i, v := range found {
		if strings.Contains(v.Message, canary) || strings.Contains(v.Message, "90713579") {
			t.Fatalf("the message gives the value away: %v", v)
		}
		if v.Message == "" || v.Keyword == "" || !slices.Contains(schemas.Reasons(), v.Reason()) {
			t.Fatalf("incomplete: %#v, reason %q", v, v.Reason())
		}
		if strings.HasPrefix(v.Message, "breaks the schema's rule") {
			t.Fatalf("no words for %v", v)
		}
		if i > 0 && v.Pointer < found[i-1].Pointer {
			t.Fatalf("not sorted: %v", found)
		}
		_, exists := resolve(doc, v.Pointer)
		if missing := v.Keyword == "required" || v.Keyword == "dependentRequired"; exists == missing {
			t.Fatalf("exists is %v: %v", exists, v)
		}
	}
}

func TestARefusalIsTheSameEveryTime(t *testing.T) {
	each(t, "invalid", func(t *testing.T, schema string, text []byte) {
		doc := map[string]any{"amount": decode(t, readBroken(t, text).Document), "x": json.Number("1")}
		s := compile(t, schema)
		want := say(s.Validate(doc))
		for range 5 {
			if d := cmp.Diff(want, say(s.Validate(doc))); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestEveryRequiredFieldIsMissed(t *testing.T) {
	each(t, "valid", func(t *testing.T, schema string, text []byte) {
		s := compile(t, schema)
		for _, pointer := range s.RequiredPointers() {
			doc := remove(t, text, strings.Split(pointer, "/")[1:])
			found := s.Validate(doc)
			if !slices.ContainsFunc(found, func(v schemas.Violation) bool {
				return v.Pointer == pointer && v.Keyword == "required"
			}) {
				t.Errorf("without %s: %v", pointer, found)
			}
		}
	})
}

// A list of allowed values is closed: nothing else passes, not even the same word in
// another case.
func TestClosedSetsAreClosed(t *testing.T) {
	each(t, "valid", func(t *testing.T, schema string, text []byte) {
		s := compile(t, schema)
		for _, path := range paths(decode(t, text)) {
			pointer := schemas.Pointer(path...)
			if !isClosed(s, replace(t, text, path, canary), pointer) {
				continue
			}
			value, _ := resolve(decode(t, text), pointer)
			word, ok := value.(string)
			for _, other := range []string{strings.ToLower(word), strings.ToUpper(word), word + " "} {
				if ok && other != word && s.Validate(replace(t, text, path, other)) == nil {
					t.Errorf("%s may be %q, and also %q", pointer, word, other)
				}
			}
		}
	})
}

func isClosed(s *schemas.Schema, doc any, pointer string) bool {
	return slices.ContainsFunc(s.Validate(doc), func(v schemas.Violation) bool {
		return v.Pointer == pointer && v.Keyword == "enum"
	})
}

// Requests of the contract ignore what a newer minor version added; bodies of the
// HTTP API do not.
func TestUnknownFields(t *testing.T) {
	each(t, "valid", func(t *testing.T, schema string, text []byte) {
		object, ok := decode(t, text).(map[string]any)
		if !ok {
			return
		}
		object["field_of_tomorrow"] = canary
		found := compile(t, schema).Validate(object)
		closed := strings.HasPrefix(schema, "http.transaction-") || strings.HasPrefix(schema, "http.payment-service-")
		if refused := found != nil; refused != closed {
			t.Errorf("refused is %v: %v", refused, found)
		}
	})
}

// paths lists every place in doc, its root not among them.
func paths(doc any) [][]string {
	var all [][]string
	add := func(token string, inner any) {
		all = append(all, []string{token})
		for _, p := range paths(inner) {
			all = append(all, append([]string{token}, p...))
		}
	}
	switch doc := doc.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(doc)) {
			add(name, doc[name])
		}
	case []any:
		for i, item := range doc {
			add(strconv.Itoa(i), item)
		}
	}
	return all
}

func replace(t *testing.T, text []byte, path []string, value any) any {
	t.Helper()
	doc := decode(t, text)
	holder, ok := resolve(doc, schemas.Pointer(path[:len(path)-1]...))
	if !ok {
		t.Fatalf("no %v", path)
	}
	last := path[len(path)-1]
	switch holder := holder.(type) {
	case map[string]any:
		holder[last] = value
	case []any:
		i, err := strconv.Atoi(last)
		if err != nil {
			t.Fatal(err)
		}
		holder[i] = value
	}
	return doc
}

func remove(t *testing.T, text []byte, path []string) any {
	t.Helper()
	doc := decode(t, text)
	holder, _ := resolve(doc, schemas.Pointer(path[:len(path)-1]...))
	object, ok := holder.(map[string]any)
	if !ok {
		t.Fatalf("%v is in no object", path)
	}
	delete(object, path[len(path)-1])
	return doc
}

// resolve follows an RFC 6901 pointer.
func resolve(doc any, pointer string) (any, bool) {
	if pointer == "" {
		return doc, true
	}
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch d := doc.(type) {
		case map[string]any:
			inner, ok := d[token]
			if !ok {
				return nil, false
			}
			doc = inner
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(d) {
				return nil, false
			}
			doc = d[i]
		default:
			return nil, false
		}
	}
	return doc, true
}
