package suite

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/connectorhost/connectorhost/sdk"
)

// FixturesVersion is the format of the fixtures file.
const FixturesVersion = "conformance.fixtures/v1"

// Fixtures are the values that a connector's author supplies. They say what to send and
// in which words the provider answers; they cannot take a case away or soften one.
type Fixtures struct {
	Schema string `json:"schema"`
	Plugin string `json:"plugin"` // the connector's name
	// SHA256 is the digest of the file that they came from.
	SHA256 string `json:"-"`

	// Simulator is the program that stands in for the provider. Without one most cases
	// are NOT_TESTABLE.
	Simulator *Simulator `json:"simulator"`

	// Account holds the account's fields. "${provider.url}" stands for where the suite
	// takes the provider's place, "${provider.NAME}" for a value of the simulator's lane.
	Account struct {
		Mode   sdk.Mode          `json:"mode"`
		Fields map[string]string `json:"fields"`
	} `json:"account"`

	// Authorize is a request that the provider would take, without its call context.
	Authorize *sdk.AuthorizeRequest `json:"authorize"`
	// Countries pair currencies with the country that a payment in them is for.
	Countries map[sdk.Currency]string `json:"countries"`
	// Order, Capture and Refund are well-formed provider references that name nothing.
	Order   sdk.OrderRef   `json:"order"`
	Capture sdk.CaptureRef `json:"capture"`
	Refund  sdk.RefundRef  `json:"refund"`

	// Declines are requests that the provider declines, each with the code to expect.
	Declines []DeclineFixture `json:"declines"`
	// Statuses are all words of the provider for the state of a payment, as its
	// documentation lists them, each with the state that it means.
	Statuses map[string]sdk.State `json:"statuses"`
	// Errors are the provider's documented error codes with the code that each means.
	Errors []ErrorFixture `json:"errors"`
	// WrongCredentials are fields that the provider does not accept; they replace those
	// of the account.
	WrongCredentials map[string]string `json:"wrong_credentials"`
	// UnknownEvent is a type of event that the provider does not have.
	UnknownEvent string `json:"unknown_event"`
}

// A Simulator is a program that speaks conformance.sim/v1.
type Simulator struct {
	Program string   `json:"program"` // a path, or a name beside the connector or in PATH
	Args    []string `json:"args"`
}

// A DeclineFixture is a payment that the provider declines. Set replaces values of the
// authorize request, by JSON Pointer; where a buyer has to act, the buyer declines.
type DeclineFixture struct {
	Name string         `json:"name"`
	Set  map[string]any `json:"set"`
	Code sdk.Code       `json:"code"`
}

// An ErrorFixture is an answer of the provider's API and what it means.
type ErrorFixture struct {
	Name    string            `json:"name"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Code    sdk.Code          `json:"code"`
	// Provider is the provider's own code, which must come back verbatim.
	Provider string `json:"provider"`
}

// LoadFixtures reads a fixtures file. A key that the format does not have is a mistake.
func LoadFixtures(path string) (Fixtures, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Fixtures{}, err
	}
	f, err := ParseFixtures(raw)
	if err != nil {
		return Fixtures{}, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(raw)
	f.SHA256 = hex.EncodeToString(sum[:])
	if s := f.Simulator; s != nil && strings.HasPrefix(s.Program, ".") { // beside the fixtures
		s.Program = filepath.Join(filepath.Dir(path), s.Program)
	}
	return f, nil
}

// ParseFixtures reads fixtures in YAML, of which JSON is a part.
func ParseFixtures(raw []byte) (Fixtures, error) {
	var tree any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return Fixtures{}, err
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return Fixtures{}, err
	}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	var f Fixtures
	if err := d.Decode(&f); err != nil {
		return Fixtures{}, err
	}
	return f, f.check()
}

func (f Fixtures) check() error {
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if f.Schema != FixturesVersion {
		add("schema is %q, must be %q", f.Schema, FixturesVersion)
	}
	if f.Plugin == "" {
		add("plugin is missing, must be the connector's name")
	}
	if len(f.Account.Fields) == 0 {
		add("account.fields is missing, must hold the account's fields")
	}
	if f.Simulator != nil && f.Simulator.Program == "" {
		add("simulator.program is missing, must be the program that stands in for the provider")
	}
	for i, d := range f.Declines {
		if !d.Code.Valid() || d.Code.Meaning().Outcome != sdk.OutcomeDeclined {
			add("declines.%d.code is %q, must be a code whose outcome is DECLINED", i, d.Code)
		}
	}
	for i, e := range f.Errors {
		if !e.Code.Valid() || e.Status == 0 {
			add("errors.%d needs a status and a code of the contract", i)
		}
	}
	return errors.Join(wrong...)
}

// For reports whether the fixtures are those of the connector that describes itself so.
func (f Fixtures) For(d sdk.Description) error {
	if f.Plugin != d.Manifest.Name {
		return fmt.Errorf("the fixtures are for %q, and this is the connector %q", f.Plugin, d.Manifest.Name)
	}
	return nil
}

// account splits the fields into configuration and secrets, as the manifest's config
// schema marks them.
func (f Fixtures) account(m sdk.Manifest, providerURL string, values map[string]string) sdk.Account {
	return f.accountOf(m, f.Account.Fields, providerURL, values)
}

func (f Fixtures) accountOf(m sdk.Manifest, fields map[string]string, providerURL string, values map[string]string) sdk.Account {
	a := sdk.Account{ID: "conformance", Revision: 1, Mode: f.Account.Mode, Config: map[string]string{}, Secrets: map[string]sdk.Secret{}}
	for name, value := range fields {
		value = strings.ReplaceAll(value, "${provider.url}", providerURL)
		for word, with := range values {
			value = strings.ReplaceAll(value, "${provider."+word+"}", with)
		}
		if secretField(m, name) {
			a.Secrets[name] = sdk.NewSecret(value)
		} else {
			a.Config[name] = value
		}
	}
	return a
}

// WrongAccount is the account with credentials that the provider does not accept.
func (l *Lane) WrongAccount() (sdk.Account, error) {
	if len(l.fixtures.WrongCredentials) == 0 {
		return sdk.Account{}, fmt.Errorf("%w: wrong_credentials is missing", ErrNotTestable)
	}
	fields := map[string]string{}
	for name, value := range l.fixtures.Account.Fields {
		fields[name] = value
	}
	for name, value := range l.fixtures.WrongCredentials {
		fields[name] = value
	}
	return l.fixtures.accountOf(l.Description.Manifest, fields, l.Proxy.URL(), l.simLane.Values), nil
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
