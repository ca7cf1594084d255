// The contract as gRPC needs it. Numbers of 64 bits are decimal strings here, for a
// JavaScript number holds 53; what is absent is undefined and never zero.
import { loadPackageDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import definition from '../gen/contract.json';
import type { ProtoGrpcType as Connector } from '../gen/connector';
import type { ProtoGrpcType as Controller } from '../gen/controller';

export const contract = loadPackageDefinition(
  fromJSON(definition as unknown as Parameters<typeof fromJSON>[0], { keepCase: true, longs: String, enums: String }),
) as unknown as Connector & Controller;

export type { ConnectorHandlers } from '../gen/connector/v1/Connector';
export type { Answer } from '../gen/connector/v1/Answer';
export type { AuthorizeRequest__Output as AuthorizeRequest } from '../gen/connector/v1/AuthorizeRequest';
export type { AuthorizeResponse } from '../gen/connector/v1/AuthorizeResponse';
export type { Call__Output as Call } from '../gen/connector/v1/Call';
export type { CartItem__Output as CartItem } from '../gen/connector/v1/CartItem';
export type { CheckCredentialsRequest__Output as CheckCredentialsRequest } from '../gen/connector/v1/CheckCredentialsRequest';
export type { CheckCredentialsResponse } from '../gen/connector/v1/CheckCredentialsResponse';
export type { Contact__Output as Contact } from '../gen/connector/v1/Contact';
export type { DescribeResponse } from '../gen/connector/v1/DescribeResponse';
export type { Error as WireError } from '../gen/connector/v1/Error';
export type { FieldError } from '../gen/connector/v1/FieldError';
export type { FindPaymentRequest__Output as FindPaymentRequest } from '../gen/connector/v1/FindPaymentRequest';
export type { FindPaymentResponse } from '../gen/connector/v1/FindPaymentResponse';
export type { FindRefundRequest__Output as FindRefundRequest } from '../gen/connector/v1/FindRefundRequest';
export type { FindRefundResponse } from '../gen/connector/v1/FindRefundResponse';
export type { Money, Money__Output as MoneyAsked } from '../gen/connector/v1/Money';
export type { MoveStatus } from '../gen/connector/v1/MoveStatus';
export type { Outcome } from '../gen/connector/v1/Outcome';
export type { RefundRequest__Output as RefundRequest } from '../gen/connector/v1/RefundRequest';
export type { RefundResponse } from '../gen/connector/v1/RefundResponse';
export type { RefundSnapshot } from '../gen/connector/v1/RefundSnapshot';
export type { Snapshot } from '../gen/connector/v1/Snapshot';
export type { State } from '../gen/connector/v1/State';
export type { Timestamp } from '../gen/google/protobuf/Timestamp';
