package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// An offered is what the connector offers for one method, as far as the greeting needs
// it.
type offered struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	Fields []struct {
		Key         string `json:"key"`
		DisplayName string `json:"display_name"`
		Required    bool   `json:"required"`
		Secret      bool   `json:"secret"`
	} `json:"fields"`
	Currencies []string `json:"supported_currencies"`
	Countries  []string `json:"supported_countries"`
}

// greetOther prints where everything is, and how to make a payment service for a
// connector whose accounts only its author knows.
func (d *dev) greetOther(out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	var page struct {
		Items []offered `json:"items"`
	}
	if err := d.merchant.call(ctx, http.MethodGet, "/payment-service-definitions?limit=100", nil, &page); err != nil {
		return fmt.Errorf("asking what %s offers: %w", d.connector, err)
	}
	fmt.Fprintf(out, `%[1]s serves. Ctrl-C stops everything.

  merchants' API   %[2]s
  console          %[3]s
  private key      %[4]s
  certification    %[7]s

An API token, good for %[5]s:

export TOKEN='%[6]s'

It takes payments once it has a payment service, with an account of yours at its provider.
It may call what its manifest lists under egress; --egress HOST:PORT adds an address.
`, d.connector, d.host.APIURL(), d.host.ConsoleLink(), d.keyFile(), tokenLife, d.merchant.token, d.certified())
	for _, o := range page.Items {
		if o.ID != d.connector+"-"+o.Method {
			continue // another connector's
		}
		if err := d.explainService(out, o); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

// explainService prints what a payment service for one method wants to know.
func (d *dev) explainService(out io.Writer, o offered) error {
	fmt.Fprintf(out, "\n%s, a payment service for %s, has these fields:\n\n", o.ID, o.Method)
	required := map[string]string{}
	for _, f := range o.Fields {
		nature := "optional"
		if f.Required {
			nature = "required"
			required[f.Key] = "…"
		}
		if f.Secret {
			nature += ", secret"
		}
		fmt.Fprintf(out, "  %-16s %s (%s)\n", f.Key, f.DisplayName, nature)
	}
	body, err := json.Marshal(map[string]any{
		"display_name": d.connector + " (development)", "payment_service_definition_id": o.ID,
		"accepted_currencies": o.Currencies, "accepted_countries": o.Countries, "fields": pairs(required),
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\ncurl -s %s/payment-services -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '%s'\n",
		d.host.APIURL(), body)
	return err
}
