package strictjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDecodeRefuses(t *testing.T) {
	tests := map[string]struct {
		text   string
		offset int64
		reason string
	}{
		"nothing":                       {``, 0, "ends before"},
		"only blanks":                   {"  \n", 3, "ends before"},
		"a cut object":                  {`{"a":`, 5, "ends before"},
		"a cut string":                  {`{"a":"b`, 7, "ends before"},
		"a bare word":                   {`{"a":x}`, 5, "not one JSON"},
		"a missing comma":               {`{"a":1 "b":2}`, 7, "not one JSON"},
		"a comma too many":              {`{"a":1,}`, 7, "not one JSON"},
		"single quotes":                 {`{'a':1}`, 1, "not one JSON"},
		"a number with a leading zero":  {`{"a":01}`, 6, "not one JSON"},
		"two values":                    {`{} {}`, 3, "not one JSON"},
		"an unclosed value after":       {`{}x`, 2, "not one JSON"},
		"a name twice":                  {`{"amount":1,"amount":2}`, 20, "given twice"},
		"a name twice, deep":            {`[{"a":{"b":1,"b":1}}]`, 16, "given twice"},
		"a name twice, once escaped":    {`{"a":1,"\u0061":2}`, 15, "given twice"},
		"a byte that is not UTF-8":      {"{\"a\":\"\xff\"}", 6, "UTF-8"},
		"an overlong encoding":          {"{\"a\":\"\xc0\x80\"}", 6, "UTF-8"},
		"a lone high surrogate":         {`{"a":"\ud83d"}`, 6, "half"},
		"a lone low surrogate":          {`{"a":"\ude00"}`, 6, "half"},
		"a high surrogate and a letter": {`{"a":"\ud83dx\ude00"}`, 6, "half"},
		"two high surrogates":           {`{"a":"\ud83d\ud83d"}`, 6, "half"},
		"an escaped NUL":                {`{"a":"x\u0000"}`, 14, "NUL"},
		"nesting without end":           {strings.Repeat("[", 500) + strings.Repeat("]", 500), 65, "nested"},
		"a byte order mark":             {"\ufeff{}", 0, "not one JSON"},
		"a comment":                     {`{} // hello`, 3, "not one JSON"},
		"not a number":                  {`NaN`, 0, "not one JSON"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(tt.text))
			broken, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("Decode(%q) = %v, want a SyntaxError", tt.text, err)
			}
			if broken.Offset != tt.offset || !strings.Contains(broken.Reason, tt.reason) {
				t.Errorf("Decode(%q): %v; want %q at byte %d", tt.text, err, tt.reason, tt.offset)
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	tests := map[string]struct {
		text string
		want any
	}{
		"null":                       {` null `, nil},
		"an amount beyond a float":   {`9007199254740993`, json.Number("9007199254740993")},
		"a number as it was written": {`[1.0,1e2]`, []any{json.Number("1.0"), json.Number("1e2")}},
		"an escaped surrogate pair":  {`"\ud83d\ude00"`, "😀"},
		"a backslash before u":       {`"\\ud83d"`, `\ud83d`},
		"Japanese":                   {`{"住所":"東京都"}`, map[string]any{"住所": "東京都"}},
		"one name in two objects":    {`{"a":{"a":1}}`, map[string]any{"a": map[string]any{"a": json.Number("1")}}},
		"an empty object and array":  {`[{},[]]`, []any{map[string]any{}, []any{}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Decode(%s) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestCanonicalForgetsOrderAndBlanks(t *testing.T) {
	one, err := Decode([]byte("{\"b\": [1, {\"d\":null,\"c\":\"<&>\"}],\n\"a\":true}"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Canonical(one)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"a":true,"b":[1,{"c":"<&>","d":null}]}`
	if string(got) != want {
		t.Errorf("Canonical = %s, want %s", got, want)
	}
}

func TestPointer(t *testing.T) {
	if got, want := Pointer("metadata", "a/b~c"), "/metadata/a~1b~0c"; got != want {
		t.Errorf("Pointer = %s, want %s", got, want)
	}
}

// What encoding/json makes of text that Decode accepts is the same value; and
// whatever the bytes, Decode answers.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\ud83d\ude00",null]}`, `{"a":1,"a":2}`, `"\ud83d"`, "\xff", `[[`, `\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Decode(text)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("error %v is not a SyntaxError", err)
			}
			return
		}
		canonical, err := Canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(canonical)
		if err != nil {
			t.Fatalf("own output %q refused: %v", canonical, err)
		}
		if diff := cmp.Diff(v, again); diff != "" {
			t.Fatalf("round trip (-before +after):\n%s", diff)
		}
	})
}

func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.StringMatching(`[^\x00]*`), rapid.SliceOf(rapid.Int64())).Draw(t, "value")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := Canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string][]int64
		if err := json.Unmarshal(canonical, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
