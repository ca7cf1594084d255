package schemas_test

import (
	"encoding/json"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
)

func TestEverySchemaCompilesAndSatisfiesItsExamples(t *testing.T) {
	for _, name := range schemas.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := schemas.Compile(name)
			if err != nil {
				t.Fatal(err)
			}
			var text struct {
				ID          string `json:"$id"`
				Title       string
				Description string
				Examples    []json.RawMessage
			}
			raw, err := schemas.Raw(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, &text); err != nil {
				t.Fatal(err)
			}
			if want := schemas.BaseURL + name + ".schema.json"; text.ID != want {
				t.Errorf("$id = %q, want %q", text.ID, want)
			}
			if text.Title == "" || text.Description == "" || len(text.Examples) == 0 {
				t.Error("a schema needs a title, a description and an example")
			}
			for i, example := range text.Examples {
				if found := s.Validate(decode(t, example)); found != nil {
					t.Errorf("example %d is refused: %v", i, found)
				}
			}
		})
	}
}
