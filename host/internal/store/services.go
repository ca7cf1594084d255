package store

import (
	"context"
	"errors"
)

// SaveService keeps a payment service, new or changed, as a whole. It sets Revision (1
// for a new service, one more than before if Config or Secrets changed), UpdatedAt,
// and CreatedAt for a new one. Secrets are sealed.
func (s *Store) SaveService(ctx context.Context, service *PaymentService) error {
	return errors.ErrUnsupported
}

// UpdateService changes a payment service with nobody else changing it in between, and
// returns it as kept. An error of change is returned as it is and nothing is changed.
// The rules of SaveService apply.
func (s *Store) UpdateService(
	ctx context.Context, id string, change func(*PaymentService) error,
) (PaymentService, error) {
	return PaymentService{}, errors.ErrUnsupported
}

// Service returns a payment service, deleted or not, or [ErrNotFound].
func (s *Store) Service(ctx context.Context, id string) (PaymentService, error) {
	return PaymentService{}, errors.ErrUnsupported
}

// Services lists payment services by position, then age. An empty merchantAccount
// means those of all.
func (s *Store) Services(
	ctx context.Context, merchantAccount string, includeDeleted bool,
) ([]PaymentService, error) {
	return nil, errors.ErrUnsupported
}
