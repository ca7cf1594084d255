package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
)

// keysCmd manages merchants' key pairs.
type keysCmd struct {
	operator `embed:""`

	Create keysCreateCmd `cmd:"" help:"Make a key pair and trust it. The private half stays here."`
	List   keysListCmd   `cmd:"" help:"List the keys that are trusted, or were."`
	Revoke keysRevokeCmd `cmd:"" help:"Stop trusting a key."`
	Token  keysTokenCmd  `cmd:"" help:"Sign a token with a private key."`
}

type keysCreateCmd struct {
	Out     string   `required:"" help:"Write the private key here (PEM)." placeholder:"FILE" type:"path"`
	Name    string   `help:"What people call the key." default:"unnamed"`
	Scope   []string `help:"What its tokens may do. Repeatable." default:"*.read,*.write"`
	Account []string `help:"Merchant account that it is for; none means all. Repeatable."`
}

// Run makes the pair; only the public half travels.
func (c *keysCreateCmd) Run(w *world, o *operator) error {
	if _, err := os.Stat(c.Out); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists; a key is not overwritten", c.Out)
	}
	pem, kid, public, err := newKeyPair()
	if err != nil {
		return err
	}
	if err := writePrivate(c.Out, pem); err != nil {
		return err
	}
	raw, err := o.send(w.ctx, http.MethodPost, "/v1/keys", map[string]any{
		"id": kid, "public_key": public, "display_name": c.Name, "scopes": c.Scope, "merchant_accounts": c.Account,
	})
	if err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	return o.print(w, raw, facts("id", "display_name", "scopes", "merchant_accounts"))
}

// newKeyPair makes a pair whose name cannot be taken for a flag: one in 64 names
// begins with a dash.
func newKeyPair() (pem []byte, kid string, public []byte, err error) {
	for kid == "" || kid[0] == '-' {
		if pem, kid, public, err = api.NewKeyPair(); err != nil {
			return nil, "", nil, err
		}
	}
	return pem, kid, public, nil
}

type keysListCmd struct{}

// Run prints a line a key.
func (c *keysListCmd) Run(w *world, o *operator) error {
	raw, err := o.ask(w.ctx, http.MethodGet, "/v1/keys", nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, list("id", "display_name", "active", "scopes", "merchant_accounts", "created_at"))
}

type keysRevokeCmd struct {
	ID string `arg:"" help:"Id of the key; behind -- if it begins with a dash."`
}

// Run revokes; hosts stop trusting the key within seconds.
func (c *keysRevokeCmd) Run(w *world, o *operator) error {
	raw, err := o.send(w.ctx, http.MethodDelete, "/v1/keys/"+segment(c.ID), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, facts("id", "display_name", "active"))
}

type keysTokenCmd struct {
	Key   string        `required:"" help:"The private key (PEM)." placeholder:"FILE" type:"existingfile"`
	Scope []string      `help:"What the token may do. Repeatable." default:"*.read,*.write"`
	TTL   time.Duration `help:"How long it works." default:"1h"`
}

// Run prints the token and nothing else.
func (c *keysTokenCmd) Run(w *world) error {
	pem, err := os.ReadFile(c.Key)
	if err != nil {
		return err
	}
	token, err := api.Sign(pem, c.Scope, c.TTL, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.stdout, token)
	return err
}
