package sdk_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestADurationIsWords(t *testing.T) {
	text, err := json.Marshal(sdk.Limits{ApprovalTime: sdk.Duration(30 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(text), `{"approval_time":"30m0s"}`; got != want {
		t.Errorf("got %s, want %s: the other limits are not known", got, want)
	}
}

func TestADurationSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := sdk.Duration(rapid.Int64().Draw(t, "nanoseconds"))
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got sdk.Duration
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Fatalf("%s arrived as %v, %v, want %v", text, got, err, want)
		}
	})
}

func TestADurationThatIsNone(t *testing.T) {
	for _, text := range []string{`"half an hour"`, `"30"`, `30`, `""`} {
		var d sdk.Duration
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s was read as %v", text, d)
		}
	}
}

func TestContractRangeIncludes(t *testing.T) {
	tests := map[string]struct {
		r       sdk.ContractRange
		version int
		want    bool
	}{
		"the only one":   {sdk.ContractRange{Min: 1, Max: 1}, 1, true},
		"the first":      {sdk.ContractRange{Min: 1, Max: 3}, 1, true},
		"the last":       {sdk.ContractRange{Min: 1, Max: 3}, 3, true},
		"one below":      {sdk.ContractRange{Min: 2, Max: 3}, 1, false},
		"one above":      {sdk.ContractRange{Min: 2, Max: 3}, 4, false},
		"the zero range": {sdk.ContractRange{}, 1, false},
		"upside down":    {sdk.ContractRange{Min: 3, Max: 1}, 2, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.r.Includes(tt.version); got != tt.want {
				t.Errorf("%+v includes %d = %v, want %v", tt.r, tt.version, got, tt.want)
			}
		})
	}
}

// TestEveryFieldHasAJSONName: the schemas, the errors' pointers and the messages on
// the wire all speak of these names.
func TestEveryFieldHasAJSONName(t *testing.T) {
	remote := reflect.TypeFor[sdk.Remote]()
	for i := range remote.NumMethod() {
		method := remote.Method(i)
		for in := 1; in < method.Type.NumIn(); in++ {
			named(t, method.Name, method.Type.In(in))
		}
		named(t, method.Name, method.Type.Out(0))
	}
}

func named(t *testing.T, path string, typ reflect.Type) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		named(t, path, typ.Elem())
	case reflect.Struct:
		if typ.PkgPath() != reflect.TypeFor[sdk.Remote]().PkgPath() || typ == reflect.TypeFor[sdk.Secret]() {
			return
		}
		for i := range typ.NumField() {
			field := typ.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "-" || field.Anonymous {
				continue
			}
			if name == "" || strings.ToLower(name) != name {
				t.Errorf("%s.%s has the JSON name %q, want lower case with underscores", path, field.Name, name)
			}
			named(t, path+"."+field.Name, field.Type)
		}
	}
}
