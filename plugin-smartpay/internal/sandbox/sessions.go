package sandbox

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

func (s *Server) createSession(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	spec := book.SessionSpec{
		SuccessURL: in.address("successUrl"), CancelURL: in.address("cancelUrl"),
		Locale: in.choice("locale", "en", "ja"), Reference: in.text("reference", 1, maxReference),
		Metadata: in.metadata("metadata"),
	}
	in.require("successUrl", "cancelUrl", "customerInfo")
	spec.Customer = in.customer("customerInfo")
	if in.choice("mode", "token") != "token" {
		order := in.order(s.cfg.AllowAmountMismatch)
		spec.Order = &order
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		session := tx.OpenSession(spec)
		a := ok(wire.NewSession(c.merchant.Mode, session, s.pageURL(c.base, c.merchant.Mode, session), true))
		a.opened = session
		return a, nil
	}, nil
}

func (s *Server) getSession(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		session, err := tx.Session(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(s.spellSession(c)(session, c.expand())), nil
	}, nil
}

func (s *Server) listSessions(c *call) (action, error) {
	return list(c, (*book.Tx).Sessions, s.spellSession(c))
}

func (s *Server) spellSession(c *call) func(*book.Session, bool) wire.Session {
	return func(session *book.Session, expand bool) wire.Session {
		return wire.NewSession(c.merchant.Mode, session, s.pageURL(c.base, c.merchant.Mode, session), expand)
	}
}

// address reads where to send a browser. It is kept to the byte; it only has to
// be absolute, free of control characters, and not a script.
func (in input) address(name string) string {
	text := in.text(name, 1, maxURL)
	if !in.has(name) {
		return ""
	}
	u, err := url.Parse(text)
	scripts := []string{"javascript", "data", "vbscript"}
	if err != nil || !u.IsAbs() || u.Host == "" || slices.Contains(scripts, strings.ToLower(u.Scheme)) {
		in.fault(name, "must be an absolute address such as https://shop.example/return")
	}
	return text
}

// customer reads who buys. Nothing in it is required, and what is not known is
// kept as well. Empty texts are left out: one of the provider's clients cannot
// read an empty e-mail address or date of birth back.
func (in input) customer(name string) json.RawMessage {
	who := in.object(name)
	for _, field := range []string{
		"emailAddress", "firstName", "lastName", "firstNameKana", "lastNameKana", "phoneNumber", "dateOfBirth", "reference",
	} {
		if who.text(field, 0, maxText) == "" {
			delete(who.fields, field)
		}
	}
	who.integer("accountAge", 0, maxAmount)
	who.choice("legalGender", "male", "female")
	if who.has("address") {
		who.postal("address")
	}
	return who.raw()
}

// postal reads a postal address. Parts may be empty but must be there.
func (in input) postal(name string) {
	where := in.object(name)
	where.require("line1", "locality", "postalCode", "country")
	for _, part := range []string{
		"line1", "line2", "line3", "line4", "line5", "subLocality", "administrativeArea", "postalCode",
	} {
		where.text(part, 0, maxText)
	}
	where.text("locality", 0, maxLocality)
	if country := strings.ToUpper(where.text("country", 0, maxText)); country == "JP" {
		where.fields["country"] = country
	} else if where.has("country") {
		where.fault("country", "must be JP")
	}
}
