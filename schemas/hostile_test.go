package schemas_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
)

func TestSchemasReachNothingOutside(t *testing.T) {
	tests := map[string]string{
		"a file":                `{"$ref": "file:///etc/passwd"}`,
		"a file by path":        `{"$ref": "/etc/passwd"}`,
		"a file beside it":      `{"$ref": "money.schema.json"}`,
		"the network":           `{"$ref": "http://127.0.0.1:1/schema.json"}`,
		"the network, securely": `{"$ref": "https://json.schemastore.org/package.json"}`,
		"one of ours":           `{"$ref": "https://connectorhost.dev/schemas/v1/money.schema.json"}`,
		"one of ours, by taking its id": `{"$id": "https://connectorhost.dev/schemas/v1/x.json",
			"properties": {"a": {"$ref": "money.schema.json"}}}`,
		"a dialect of its own": `{"$schema": "https://evil.example/dialect"}`,
		"an older dialect":     `{"$schema": "http://json-schema.org/draft-07/schema#"}`,
		"deep inside":          `{"properties": {"a": {"items": {"anyOf": [{"$ref": "file:///etc/passwd#/x"}]}}}}`,
		"a dynamic reference":  `{"$dynamicRef": "https://evil.example/x#y"}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := schemas.CompileRaw(json.RawMessage(text)); err == nil {
				t.Error("CompileRaw accepted it")
			}
			if _, err := schemas.Compile("money", json.RawMessage(text)); err == nil {
				t.Error("Compile accepted it as narrowing")
			}
		})
	}
}

func TestNobodyIsCalledAndNothingIsRead(t *testing.T) {
	called := make(chan string, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called <- r.URL.String()
		w.Write([]byte(`{}`))
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "open.schema.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{server.URL + "/x", "file://" + file, file} {
		for _, keyword := range []string{"$ref", "$dynamicRef", "$schema"} {
			schema := json.RawMessage(fmt.Sprintf(`{"properties": {"a": true}, %q: %q}`, keyword, url))
			if _, err := schemas.CompileRaw(schema); err == nil {
				t.Errorf("%s %s was followed", keyword, url)
			}
		}
	}
	if len(called) > 0 {
		t.Errorf("called %s", <-called)
	}
}

func TestSchemasMayReferToThemselves(t *testing.T) {
	tests := map[string]string{
		"by fragment": `{"$defs": {"n": {"minimum": 5}}, "properties": {"minor": {"$ref": "#/$defs/n"}}}`,
		"by anchor":   `{"$defs": {"n": {"$anchor": "five", "minimum": 5}}, "properties": {"minor": {"$ref": "#five"}}}`,
		"under its own id": `{"$id": "https://acme.example/a.json", "$defs": {"n": {"minimum": 5}},
			"properties": {"minor": {"$ref": "https://acme.example/a.json#/$defs/n"}}}`,
		"with our dialect":  `{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"minor": {"minimum": 5}}}`,
		"under one of ours": `{"$id": "https://connectorhost.dev/schemas/v1/money.schema.json", "properties": {"minor": {"minimum": 5}}}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			s := compile(t, "money", text)
			want := "/minor: minimum: must be at least 5"
			if got := say(s.Validate(decode(t, []byte(`{"minor": 4, "currency": "JPY"}`)))); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestSchemasThatAreRefused(t *testing.T) {
	tests := map[string]string{
		"not JSON":                  `{`,
		"two values":                `{} {}`,
		"a list":                    `[]`,
		"text":                      `"x"`,
		"a bad type":                `{"type": "money"}`,
		"a bad pattern":             `{"pattern": "("}`,
		"a look-ahead":              `{"pattern": "^(?!a)"}`,
		"required is a string":      `{"required": "a"}`,
		"no such definition":        `{"$ref": "#/$defs/none"}`,
		"refers to itself for ever": `{"$ref": "#"}`,
		"huge number":               `{"minimum": 1e999999}`,
		"too large":                 `{"description": "` + strings.Repeat("x", 256<<10) + `"}`,
		"too deep":                  strings.Repeat(`{"items":`, 70) + `true` + strings.Repeat(`}`, 70),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := schemas.CompileRaw(json.RawMessage(text)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestNamesThatAreNoSchemas(t *testing.T) {
	names := []string{"", "nothing", "../v1/money", "valid/money.smallest", "money.schema.json", "/money", "v1/money"}
	for _, name := range names {
		if _, err := schemas.Compile(name); err == nil {
			t.Errorf("Compile(%q) succeeded", name)
		}
		if _, err := schemas.Raw(name); err == nil {
			t.Errorf("Raw(%q) succeeded", name)
		}
	}
}

func TestDocumentsThatCannotBeJudged(t *testing.T) {
	deep := any(true)
	for range 70 {
		deep = []any{deep}
	}
	tests := map[string]struct {
		doc  any
		want string
	}{
		"a number that takes a gigabyte": {map[string]any{"a": []any{json.Number("1e999999999")}},
			"/a/0: document: must be a number of ordinary size"},
		"a number of many digits": {json.Number(strings.Repeat("9", 100_000)),
			": document: must be a number of ordinary size"},
		"a tiny number":          {json.Number("1e-999999"), ": document: must be a number of ordinary size"},
		"no number":              {json.Number("true"), ": document: must be a number of ordinary size"},
		"an empty number":        {json.Number(""), ": document: must be a number of ordinary size"},
		"not a number":           {math.NaN(), ": document: must be a JSON value"},
		"infinity":               {math.Inf(1), ": document: must be a JSON value"},
		"a Go struct":            {struct{}{}, ": document: must be a JSON value"},
		"a field without a name": {map[string]any{"a": map[string]any{"": 1}}, "/a/: document: must have a name"},
		"the first of several": {map[string]any{"c": math.NaN(), "a~/": math.NaN(), "b": math.NaN()},
			"/a~0~1: document: must be a JSON value"},
		"too deep": {deep,
			strings.Repeat("/0", 65) + ": document: is nested too deeply: at most 64 levels are accepted"},
	}
	s := compileRaw(t, `{"type": ["object", "array", "integer"], "minimum": 1, "properties": {"a": {"multipleOf": 3}}}`)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := say(s.Validate(tt.doc)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNumbersOfEveryGoTypeAreJudged(t *testing.T) {
	s := compileRaw(t, `{"type": "integer", "minimum": 2}`)
	for _, n := range []any{json.Number("1"), 1, int64(1), float64(1), uint32(1)} {
		if got, want := say(s.Validate(n)), ": minimum: must be at least 2"; got != want {
			t.Errorf("%T: got %q, want %q", n, got, want)
		}
	}
}

func TestInt64IsExact(t *testing.T) {
	s := compileRaw(t, `{"type": "integer", "format": "int64"}`)
	for n, ok := range map[string]bool{
		"0": true, "-0": true, "9007199254740993": true, "9223372036854775807": true, "-9223372036854775808": true,
		"9223372036854775808": false, "-9223372036854775809": false, "1.0": false, "1e3": false, "1E3": false,
	} {
		if found := s.Validate(json.Number(n)); (found == nil) != ok {
			t.Errorf("%s: %v", n, found)
		}
	}
}

func TestValuesWithoutJSONForm(t *testing.T) {
	s := compileRaw(t, `true`)
	for _, v := range []any{make(chan int), func() {}, math.NaN(), map[string]any{"secret": math.Inf(1)}} {
		if got, want := say(s.ValidateValue(v)), ": document: must have a JSON form"; got != want {
			t.Errorf("%T: got %q, want %q", v, got, want)
		}
	}
	if found := s.ValidateValue(map[string]int{"a": 1}); found != nil {
		t.Errorf("refused: %v", found)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	doc := make(map[string]any)
	for i := range 5000 {
		doc[fmt.Sprintf("field%d", i)] = true
	}
	if found := compileRaw(t, `{"additionalProperties": false}`).Validate(doc); len(found) != 1000 {
		t.Errorf("%d violations, want 1000", len(found))
	}
}

func TestOneSchemaServesManyAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := schemas.Compile("authorize.request", json.RawMessage(`{"required": ["billing"]}`))
			if err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				found := s.Validate(map[string]any{"amount": map[string]any{"minor": json.Number(fmt.Sprint(-i)), "currency": "JPY"}})
				if len(found) != 6 {
					t.Errorf("%d violations, want 6: %v", len(found), found)
				}
			}
		})
	}
	wg.Wait()
}
