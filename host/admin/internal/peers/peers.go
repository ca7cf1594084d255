// Package peers tells which hosts share a database, and what each says that it serves,
// for the operators' API and the console alike.
package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// GoneAfter is how long after it was seen last a host counts as gone.
const GoneAfter = time.Minute

// A Serving is what a host says of one of its connectors.
type Serving struct {
	Connector string `json:"connector"`
	State     string `json:"state"`
	Version   string `json:"version"`
	Digest    string `json:"digest"`
	Behind    string `json:"behind,omitempty"` // why that is not what is to serve
}

// A Host is one of them.
type Host struct {
	store.Host
	Self       bool // it is the one that is asked
	Gone       bool
	Connectors []Serving
}

// Behind reports whether one of its connectors is not what is to serve.
func (h Host) Behind() bool {
	return slices.ContainsFunc(h.Connectors, func(s Serving) bool { return s.Behind != "" })
}

// List returns the hosts on a database, in the order of their start.
func List(ctx context.Context, from *store.Store, self string, now time.Time) ([]Host, error) {
	hosts, err := from.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	var list []Host
	for _, h := range hosts {
		is := Host{Host: h, Self: h.ID == self, Gone: now.Sub(h.SeenAt) > GoneAfter, Connectors: []Serving{}}
		if err := json.Unmarshal(h.Serves, &is.Connectors); err != nil {
			return nil, fmt.Errorf("reading what host %s serves: %w", h.ID, err)
		}
		list = append(list, is)
	}
	return list, nil
}
