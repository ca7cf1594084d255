package main

import (
	"fmt"
	"net/http"
	"text/tabwriter"
)

// hostsCmd shows the hosts that share a database.
type hostsCmd struct {
	operator `embed:""`

	List hostsListCmd `cmd:"" help:"List the hosts on the database and what each serves."`
}

type hostsListCmd struct{}

// Run prints a line a host and connector.
func (c *hostsListCmd) Run(w *world, o *operator) error {
	raw, err := o.ask(w.ctx, http.MethodGet, "/v1/hosts", nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, func(t *tabwriter.Writer, answer map[string]any) {
		fmt.Fprintln(t, "HOST\tHERE\tADMIN\tSEEN\tCONNECTOR\tSTATE\tVERSION\tDIGEST\tBEHIND")
		hosts, _ := answer["items"].([]any)
		for _, h := range hosts {
			host := fmt.Sprintf("%s\t%s\t%s\t%s", cell(at(h, "id")), cell(at(h, "state")), cell(at(h, "admin")), cell(at(h, "seen_at")))
			connectors, _ := at(h, "connectors").([]any)
			if len(connectors) == 0 {
				fmt.Fprintln(t, host)
			}
			for _, c := range connectors {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", host, cell(at(c, "connector")), cell(at(c, "state")),
					cell(at(c, "version")), cell(at(c, "digest")), cell(at(c, "behind")))
			}
		}
	})
}
