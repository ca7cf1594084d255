package gatekeep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Field is one field of an account, as the connector's config schema declares it.
type Field struct {
	Name        string
	Title       string // for people; the name if the schema has none
	Description string
	Required    bool
	Secret      bool // goes in, and must never come back
}

// noFields is the config schema of a connector that needs no configuration.
const noFields = `{"type": "object", "properties": {}}`

func (g *Gate) compileConfig(text json.RawMessage) error {
	if text = bytes.TrimSpace(text); len(text) == 0 || string(text) == "null" {
		text = json.RawMessage(noFields)
	}
	var err error
	if g.config, err = schemas.CompileRaw(text); err != nil {
		return err
	}
	g.fields, err = readFields(text)
	return err
}

func readFields(text json.RawMessage) ([]Field, error) {
	var schema struct {
		Required   []string `json:"required"`
		Properties keys     `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	fields := make([]Field, len(schema.Properties))
	for i, p := range schema.Properties {
		var about struct {
			Title       string `json:"title"`
			Description string `json:"description"`
			WriteOnly   bool   `json:"writeOnly"`
		}
		if err := json.Unmarshal(p.value, &about); err != nil {
			return nil, fmt.Errorf("field %s: %w", p.name, err)
		}
		if about.Title == "" {
			about.Title = p.name
		}
		fields[i] = Field{p.name, about.Title, about.Description, slices.Contains(schema.Required, p.name), about.WriteOnly}
	}
	return fields, nil
}

// CheckFields reports why fields, configuration and secrets together, cannot be an
// account's; nil if they can. A field that the connector's schema does not declare
// is refused even where the schema would let it pass, because nobody could tell
// whether it is a secret. The error never contains a value.
func (g *Gate) CheckFields(fields map[string]string) *sdk.Error {
	doc := make(map[string]any, len(fields))
	var found []schemas.Violation
	for name, value := range fields {
		doc[name] = value
		if !slices.ContainsFunc(g.fields, func(f Field) bool { return f.Name == name }) {
			found = append(found, schemas.Violation{
				Pointer: schemas.Pointer(name), Keyword: "additionalProperties", Message: "is not a field of " + g.connector,
			})
		}
	}
	for _, v := range g.config.Validate(doc) {
		if v.Keyword != "additionalProperties" { // those are told already
			found = append(found, v)
		}
	}
	if found == nil {
		return nil
	}
	return refusal(sdk.Op(g.connector+".config"), found)
}

// FieldNames lists the account's fields in the order of the connector's schema.
func (g *Gate) FieldNames() []Field { return slices.Clone(g.fields) }

// Secret reports whether the named field must never come back. So does a name that
// the schema does not declare: what nobody knows is not shown.
func (g *Gate) Secret(name string) bool {
	i := slices.IndexFunc(g.fields, func(f Field) bool { return f.Name == name })
	return i < 0 || g.fields[i].Secret
}

// keys is a JSON object whose order matters.
type keys []struct {
	name  string
	value json.RawMessage
}

// UnmarshalJSON reads the object's fields as they come.
func (k *keys) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.New("properties must be an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		text, _ := name.(string) // the key of an object is always one
		*k = append(*k, struct {
			name  string
			value json.RawMessage
		}{text, value})
	}
	return nil
}
