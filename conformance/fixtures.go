package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/connectorhost/connectorhost/sdk"
)

// FixturesVersion is the format of the fixtures file.
const FixturesVersion = "conformance.fixtures/v1"

// Fixtures are the values that a connector's author supplies. In an account's fields,
// "${provider.url}" stands for the address at which the suite takes the provider's place.
type Fixtures struct {
	Schema  string `json:"schema"`
	Plugin  string `json:"plugin"` // the connector's name
	Account struct {
		Mode   sdk.Mode          `json:"mode"`
		Fields map[string]string `json:"fields"`
	} `json:"account"`
	// Authorize is a request that the provider would take, without its call context.
	Authorize *sdk.AuthorizeRequest `json:"authorize"`
	// Order, Capture and Refund are well-formed provider references that name nothing.
	Order   sdk.OrderRef   `json:"order"`
	Capture sdk.CaptureRef `json:"capture"`
	Refund  sdk.RefundRef  `json:"refund"`
}

// LoadFixtures reads a fixtures file. A key that the format does not have is a mistake.
func LoadFixtures(path string) (Fixtures, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Fixtures{}, err
	}
	var tree any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return Fixtures{}, fmt.Errorf("%s: %w", path, err)
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return Fixtures{}, fmt.Errorf("%s: %w", path, err)
	}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	var f Fixtures
	if err := d.Decode(&f); err != nil {
		return Fixtures{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, f.check(path)
}

func (f Fixtures) check(path string) error {
	var wrong []error
	if f.Schema != FixturesVersion {
		wrong = append(wrong, fmt.Errorf("%s: schema is %q, must be %q", path, f.Schema, FixturesVersion))
	}
	if f.Plugin == "" {
		wrong = append(wrong, fmt.Errorf("%s: plugin is missing, must be the connector's name", path))
	}
	if len(f.Account.Fields) == 0 {
		wrong = append(wrong, fmt.Errorf("%s: account.fields is missing, must hold the account's fields", path))
	}
	return errors.Join(wrong...)
}

// account splits the fields into configuration and secrets, as the manifest's config
// schema marks them.
func (f Fixtures) account(m sdk.Manifest, providerURL string) sdk.Account {
	a := sdk.Account{ID: "conformance", Revision: 1, Mode: f.Account.Mode, Config: map[string]string{}, Secrets: map[string]sdk.Secret{}}
	for name, value := range f.Account.Fields {
		value = strings.ReplaceAll(value, "${provider.url}", providerURL)
		if secretField(m, name) {
			a.Secrets[name] = sdk.NewSecret(value)
		} else {
			a.Config[name] = value
		}
	}
	return a
}

// secretField reads the manifest: a field that is not declared is treated as secret.
func secretField(m sdk.Manifest, name string) bool {
	var schema struct {
		Properties map[string]struct {
			WriteOnly bool `json:"writeOnly"`
		} `json:"properties"`
	}
	if json.Unmarshal(m.ConfigSchema, &schema) != nil {
		return true
	}
	p, declared := schema.Properties[name]
	return !declared || p.WriteOnly
}
