package sandbox

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// endpointChange reads what a merchant says of a webhook endpoint.
func (c *call) endpointChange(creating bool) (book.EndpointChange, error) {
	in, err := c.input()
	if err != nil {
		return book.EndpointChange{}, err
	}
	change := book.EndpointChange{
		Active: in.flag("active"), URL: in.textOrNil("url", 1, maxURL),
		Description: in.textOrNil("description", 0, maxText), Metadata: in.metadata("metadata"),
	}
	if creating {
		in.require("url")
	}
	if change.URL != nil {
		// The provider wants HTTPS in production; local work is what a sandbox is for.
		u, err := url.Parse(*change.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			in.fault("url", "must be an http or https address")
		}
	}
	if in.has("eventSubscriptions") {
		names := in.texts("eventSubscriptions", len(book.EventTypes()))
		for _, name := range names {
			if !slices.Contains(book.EventTypes(), book.EventType(name)) {
				in.fault("eventSubscriptions", "must hold event types, and %q is not one", name)
			}
		}
		change.Subscriptions = &names
	}
	return change, in.err()
}

func (s *Server) createEndpoint(c *call) (action, error) {
	change, err := c.endpointChange(true)
	if err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		return ok(wire.NewEndpoint(c.merchant.Mode, tx.CreateEndpoint(change))), nil
	}, nil
}

func (s *Server) getEndpoint(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		endpoint, err := tx.Endpoint(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewEndpoint(c.merchant.Mode, endpoint)), nil
	}, nil
}

func (s *Server) listEndpoints(c *call) (action, error) {
	return list(c, (*book.Tx).Endpoints, func(e *book.Endpoint, _ bool) wire.Endpoint {
		return wire.NewEndpoint(c.merchant.Mode, e)
	})
}

func (s *Server) updateEndpoint(c *call) (action, error) {
	change, err := c.endpointChange(false)
	if err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		endpoint, err := tx.UpdateEndpoint(c.target.params["id"], change)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewEndpoint(c.merchant.Mode, endpoint)), nil
	}, nil
}

func (s *Server) deleteEndpoint(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		return answer{status: http.StatusNoContent}, tx.DeleteEndpoint(c.target.params["id"])
	}, nil
}
