// The original's flags with a value, as its command line took them: `--now=true`, `-d=false`.

/** What strconv.ParseBool takes. */
const written = /^(-n|--now|-d|--debug)=(?:(1|t|T|TRUE|true|True)|0|f|F|FALSE|false|False)$/

/** `argv` with those flags as they are written here: alone, or left out. */
export function plainFlags(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return argv.flatMap((argument, index) => {
    const [whole, flag, isSet] = (end < 0 || index < end ? written.exec(argument) : null) ?? []
    if (whole === undefined || flag === undefined) return [argument]
    return isSet === undefined ? [] : [flag]
  })
}
