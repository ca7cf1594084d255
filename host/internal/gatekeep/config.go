package gatekeep

import (
	"reflect"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Field is one field of an account, as the connector's config schema declares it.
type Field = schemas.Field

// CheckFields reports why fields, configuration and secrets together, cannot be an
// account's; nil if they can. A field that the connector's schema does not declare
// is refused even where the schema would let it pass, because nobody could tell
// whether it is a secret. The error never contains a value.
func (g *Gate) CheckFields(fields map[string]string) *sdk.Error {
	found := g.account.ValidateFields(fields)
	if found == nil {
		return nil
	}
	return refusal(sdk.Op(g.connector+".config"), found)
}

// FieldNames lists the account's fields in the order of the connector's schema.
func (g *Gate) FieldNames() []Field { return g.account.Fields() }

// Secret reports whether the named field must never come back. So does a name that
// the schema does not declare: what nobody knows is not shown.
func (g *Gate) Secret(name string) bool { return g.account.Secret(name) }

// checkAccount judges the account in the call of a request.
func (g *Gate) checkAccount(req any) []schemas.Violation {
	call, ok := callOf(req)
	if !ok {
		return []schemas.Violation{{Keyword: "document", Message: "must be a request of package sdk"}}
	}
	secrets := make(map[string]string, len(call.Account.Secrets))
	for name, secret := range call.Account.Secrets {
		secrets[name] = secret.Reveal()
	}
	return g.account.ValidateAccount(call.Account.Config, secrets)
}

// callOf returns the call of a request, given by value or by pointer: every request
// of package sdk has a field Call.
func callOf(req any) (sdk.Call, bool) {
	request := reflect.Indirect(reflect.ValueOf(req))
	if request.Kind() != reflect.Struct {
		return sdk.Call{}, false
	}
	field := request.FieldByName("Call")
	if !field.IsValid() {
		return sdk.Call{}, false
	}
	call, ok := field.Interface().(sdk.Call)
	return call, ok
}
