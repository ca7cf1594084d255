package host

import (
	"context"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// openStore opens the database that hosts share, or the one of this host alone.
func (h *Host) openStore(ctx context.Context, key store.MasterKey) (*store.Store, error) {
	if h.shares() {
		return store.OpenPostgres(ctx, h.config.Store.Reveal(), key, h.config.Now)
	}
	return store.OpenSQLite(ctx, h.layout.database(), key, h.config.Now)
}
