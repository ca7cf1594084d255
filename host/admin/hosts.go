package admin

import (
	"net/http"

	"github.com/connectorhost/connectorhost/host/admin/internal/peers"
)

// GoneAfter is how long after it was seen last a host counts as gone.
const GoneAfter = peers.GoneAfter

// A Peer is one of the hosts that share a database.
type Peer interface {
	ID() string // by which the others know it
	// Behind says of each connector that does not serve here what is to serve on every host
	// why that is so.
	Behind() map[string]string
}

// A Serving is what a host says of one of its connectors. The store keeps a list of them
// as JSON.
type Serving = peers.Serving

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
	hosts, err := peers.List(r.Context(), s.Store, s.Host.ID(), s.Now())
	if err != nil {
		return nil, err
	}
	var list []hostView
	for _, h := range hosts {
		state := "here"
		if h.Gone {
			state = "gone"
		}
		list = append(list, hostView{
			ID: h.ID, Self: h.Self, State: state, API: h.API, Admin: h.Admin, Version: h.Version,
			StartedAt: stamp(h.StartedAt), SeenAt: stamp(h.SeenAt), Connectors: h.Connectors,
		})
	}
	return items(list), nil
}
