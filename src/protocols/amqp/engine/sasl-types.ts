/** The SASL mechanisms that the engine knows (AMQP 1.0 §5.3; RFC 4505, 4616, 4422 appendix A, 7677). */
export type SaslMechanism = 'ANONYMOUS' | 'PLAIN' | 'EXTERNAL' | 'SCRAM-SHA-256';

/** What a peer claims, for the owner to check. `hostname` is what the peer's sasl-init names. */
export type AuthenticationRequest =
  | { readonly mechanism: 'ANONYMOUS'; readonly hostname: string | undefined }
  | {
      readonly mechanism: 'PLAIN';
      readonly hostname: string | undefined;
      readonly username: string;
      readonly password: string;
      /** Whom it wants to act as; empty: itself. */
      readonly authorizationId: string;
    }
  | {
      readonly mechanism: 'EXTERNAL';
      readonly hostname: string | undefined;
      readonly authorizationId: string;
    }
  /** The proof has been verified already; the owner may still refuse the user. */
  | { readonly mechanism: 'SCRAM-SHA-256'; readonly hostname: string | undefined; readonly username: string };

/** What is stored of a password for SCRAM-SHA-256 (RFC 5802 §3). */
export interface ScramCredential {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}
