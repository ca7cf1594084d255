package guard

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/sdk"
)

// A mask takes the secrets of one call out of words. It is the second line: keeping
// secrets out of errors and records is the author's duty, and an author who puts a URL
// or a header into an error forgets it easily. It finds a secret only as it is, not
// encoded or in part.
type mask struct {
	secrets map[string]sdk.Secret
	keys    []sdk.SigningSecret
}

// hide returns the mask of a call's secrets and of the keys beside it.
func hide(call sdk.Call, keys ...sdk.SigningSecret) mask {
	return mask{secrets: call.Account.Secrets, keys: keys}
}

// text returns s without the secrets.
func (m mask) text(s string) string {
	if s == "" {
		return s
	}
	for _, value := range m.values() {
		s = strings.ReplaceAll(s, value, sdk.Secret{}.String())
	}
	return s
}

// values is what to hide, longest first, so that none leaves the rest of another.
func (m mask) values() []string {
	var values []string
	for _, s := range m.secrets {
		values = append(values, s.Reveal())
	}
	for _, k := range m.keys {
		values = append(values, k.Secret.Reveal())
	}
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return slices.DeleteFunc(values, func(s string) bool { return s == "" })
}

// error returns err as an Error that says where it arose and gives no secret away. It
// changes a copy: the author may keep one error for many calls.
func (m mask) error(op sdk.Op, err error) *sdk.Error {
	if err == nil {
		return nil
	}
	e := *sdk.AsError(err)
	e.Op = cmp.Or(e.Op, op)
	e.Provider.Message = m.text(e.Provider.Message)
	e.Fields = slices.Clone(e.Fields)
	for i, f := range e.Fields {
		e.Fields[i].Message = m.text(f.Message)
	}
	if e.Err != nil {
		if said := e.Err.Error(); m.text(said) != said {
			e.Err = errors.New(m.text(said))
		}
	}
	return &e
}

// exchange returns a record without the secrets.
func (m mask) exchange(x *sdk.Exchange) *sdk.Exchange {
	if x == nil {
		return nil
	}
	return &sdk.Exchange{
		Method:   x.Method,
		URL:      m.text(x.URL),
		Status:   x.Status,
		Request:  m.text(x.Request),
		Response: m.text(x.Response),
	}
}
