package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// GoneAfter is how long after it was seen last a host counts as gone.
const GoneAfter = time.Minute

// A Peer is one of the hosts that share a database.
type Peer interface {
	ID() string // by which the others know it
	// Behind says of each connector that does not serve here what is to serve on every host
	// why that is so.
	Behind() map[string]string
}

// A Serving is what a host says of one of its connectors.
type Serving struct {
	Connector string `json:"connector"`
	State     string `json:"state"`
	Version   string `json:"version"`
	Digest    string `json:"digest"`
	Behind    string `json:"behind,omitempty"` // why that is not what is to serve
}

// A hostView is one host.
type hostView struct {
	ID         string    `json:"id"`
	Self       bool      `json:"self"`  // it answers this
	State      string    `json:"state"` // here, or gone
	API        string    `json:"api"`
	Admin      string    `json:"admin"`
	Version    string    `json:"version"`
	StartedAt  string    `json:"started_at"`
	SeenAt     string    `json:"seen_at"`
	Connectors []Serving `json:"connectors"`
}

func (s *server) listHosts(r *http.Request) (any, error) {
	hosts, err := hostsOf(r.Context(), s.Store, s.Host.ID(), s.Now())
	if err != nil {
		return nil, err
	}
	return items(hosts), nil
}

// hostsOf lists the hosts on a database.
func hostsOf(ctx context.Context, from *store.Store, self string, now time.Time) ([]hostView, error) {
	hosts, err := from.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	var list []hostView
	for _, h := range hosts {
		view := hostView{
			ID: h.ID, Self: h.ID == self, State: "here", API: h.API, Admin: h.Admin, Version: h.Version,
			StartedAt: stamp(h.StartedAt), SeenAt: stamp(h.SeenAt), Connectors: []Serving{},
		}
		if now.Sub(h.SeenAt) > GoneAfter {
			view.State = "gone"
		}
		if err := json.Unmarshal(h.Serves, &view.Connectors); err != nil {
			return nil, fmt.Errorf("what host %s serves: %w", h.ID, err)
		}
		list = append(list, view)
	}
	return list, nil
}
