/** The type in `urn:pulumi:stack::project::parent$type::name`; what is no URN is given back as it is. */
export function typeToken(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? urn;
}
